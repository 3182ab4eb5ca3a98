"""nostro keeps one exact, complete, provable book of every exchange account you own."""
