"""A PDF and its e-invoice in one file: Factur-X, which people read and programs take the XML out of.

The typesetter attaches the XML; what is missing for Factur-X is that the metadata of the file say so. They are completed
where they stand, and nothing else of the file is changed, so that the same document gives the same bytes.
"""

import re

NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = {
    "DocumentType": ("INVOICE", "The type of the hybrid document"),
    "DocumentFileName": ("factur-x.xml", "The name of the embedded XML document"),
    "Version": ("1.0", "The version of the standard of the embedded XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML document"),
}
"""What the metadata say of the XML, and what each word means."""
METADATA = re.compile(rb"\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
SCHEMAS, END = b"<pdfaExtension:schemas><rdf:Bag>", b"</rdf:Description></rdf:RDF>"
START = re.compile(rb"startxref\n(\d+)\n%%EOF\s*$")
PLACE = re.compile(rb"(\d{10}) 00000 n")


def completed(pdf: bytes) -> bytes:
    """The PDF with the metadata of Factur-X; it is PDF/A-3 and has `factur-x.xml` attached already."""
    [found] = METADATA.finditer(pdf)
    end = found.end() + int(found[1])
    told = pdf[found.end() : end]
    assert told.count(SCHEMAS) == told.count(END) == 1
    told = told.replace(SCHEMAS, SCHEMAS + _schema().encode()).replace(END, _values().encode() + END)
    stream = b"\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b" % (len(told), told)
    grown = len(stream) - (end - found.start())

    def moved(place: int) -> int:
        return place + grown * (place > found.start())

    start = START.search(pdf)
    assert start is not None
    table = PLACE.sub(lambda each: b"%010d 00000 n" % moved(int(each[1])), pdf[int(start[1]) : start.start()])
    tail = b"startxref\n%d\n%%%%EOF" % moved(int(start[1]))
    return pdf[: found.start()] + stream + pdf[end : int(start[1])] + table + tail


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
