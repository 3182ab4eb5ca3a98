"""The memory: pages in chains, facts read from them, coverage, and what does not agree."""
