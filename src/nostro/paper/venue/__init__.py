"""The truth of the paper exchange: a deterministic engine in integers, with a journal."""
