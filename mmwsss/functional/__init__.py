"""The equations of the papers: tensors in, tensors out. Imports torch only."""
