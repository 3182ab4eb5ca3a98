"""How two sides talk: the declaration, the pager, the transport. It knows no exchange."""
