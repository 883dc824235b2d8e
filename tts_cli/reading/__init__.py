"""Reading aloud: documents, their passages, and the silence between sentences."""
