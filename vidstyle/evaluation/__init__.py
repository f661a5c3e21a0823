"""How good painted videos are: measures, plots and reports."""
