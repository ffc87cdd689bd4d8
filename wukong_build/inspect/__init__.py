"""What people ask of a run: summary, SQL, the story of one sample, a contact sheet."""
