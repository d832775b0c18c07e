"""Files for people: exports of the published figures, and what is sent to suppliers, customers and carriers.

Every file is a view of published rows: it can be made again at any time, and is the same to the byte.
"""

REPORTS = ("stock", "reorder", "purchase_orders", "turnover", "invoices", "receivables", "journal_entries", "ageing")
"""What `orderhouse export` can write; `reports` says what is in each."""
FORMATS = ("csv", "xlsx", "parquet")
