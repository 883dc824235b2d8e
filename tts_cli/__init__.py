"""Train, export and stream neural text-to-speech voices."""
