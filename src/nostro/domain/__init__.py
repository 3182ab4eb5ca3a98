"""The words and the maths: facts, exact numbers, times. Pure: no socket, no clock, no file."""
