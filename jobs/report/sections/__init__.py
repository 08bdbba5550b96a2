"""The sections of the document, a module each: its words, figures, tables and captions."""
