"""How good painted films are: measures, plots and reports."""
