"""From text to an utterance: sentences, normalisation and phones."""
