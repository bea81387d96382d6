"""What results say: statistics over seeds, comparisons, dose-response curves, and the words that they are told in."""
