"""Data validation: what every table must be, measured in one pass, as asset checks and reports."""
