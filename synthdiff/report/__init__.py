"""The report: an audit's answer as a page, and a release's card and metadata. Plain dictionaries in, text out."""
