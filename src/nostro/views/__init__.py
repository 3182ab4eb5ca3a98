"""One function per noun: from the book to a typed answer, and its renderings."""
