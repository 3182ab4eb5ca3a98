"""Brings exchanges into the book: histories, what follows live, and the lease that lets one process write."""
