"""The links that must see the whole corpus: one file, one link."""
