"""What several links know about Chinese. Knows nothing of samples, columns or the chain."""
