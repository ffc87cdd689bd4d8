"""The links that look at a single sample: one file, one link."""
