"""All that touches the network, and what is read from it."""
