"""A PDF and its e-invoice in one file: Factur-X, which people read and programs take the XML out of.

The typesetter attaches the XML; what is missing for Factur-X is that the metadata of the file say so. They are completed
here without a date or an id of the moment, so that the same document gives the same bytes.
"""

from io import BytesIO

from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = {
    "DocumentType": ("INVOICE", "The type of the hybrid document"),
    "DocumentFileName": ("factur-x.xml", "The name of the embedded XML document"),
    "Version": ("1.0", "The version of the standard of the embedded XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML document"),
}
"""What the metadata say of the XML, and what each word means."""


def completed(pdf: bytes) -> bytes:
    """The PDF with the metadata of Factur-X; it is PDF/A-3 and has `factur-x.xml` attached already."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf)))
    writer.pdf_header = "%PDF-1.7"
    metadata = writer.root_object["/Metadata"]
    assert isinstance(metadata, DecodedStreamObject)
    told = metadata.get_data().decode()
    told = told.replace("<pdfaExtension:schemas><rdf:Bag>", f"<pdfaExtension:schemas><rdf:Bag>{_schema()}", 1)
    told = told.replace("</rdf:Description></rdf:RDF>", f"{_values()}</rdf:Description></rdf:RDF>", 1)
    metadata.set_data(told.encode())
    metadata[NameObject("/Type")] = NameObject("/Metadata")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _schema() -> str:
    described = "".join(
        '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>'
        f"<pdfaProperty:description>{meaning}</pdfaProperty:description><pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for name, (_, meaning) in PROPERTIES.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _values() -> str:
    return "".join(f'<fx:{name} xmlns:fx="{NAMESPACE}">{value}</fx:{name}>' for name, (value, _) in PROPERTIES.items())
