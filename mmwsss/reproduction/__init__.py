"""Every table and figure of the three papers: what it is made of, and how it is made."""
