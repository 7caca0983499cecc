"""Where series come from: CSV files, read strictly, and equations. No torch."""
