"""What each paper exchange lists, who lives there, and what their keys look like."""
