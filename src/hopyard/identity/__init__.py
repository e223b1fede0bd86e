"""Who is asking: the Hub knows whose a token is and what it may do."""
