"""Speech from text: voices and peers beside recordings, hard sentences, contexts of one voice."""
