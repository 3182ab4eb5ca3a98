"""An exchange of our own: the venue, its prices, its server and its faults."""
