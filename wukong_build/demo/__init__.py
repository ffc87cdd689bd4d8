"""The demo: a small web site with real photographs, and a server for it. The product does not know that it exists."""
