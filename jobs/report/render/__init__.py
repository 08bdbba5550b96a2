"""The document in its forms: PDF and HTML by Typst, and Markdown."""
