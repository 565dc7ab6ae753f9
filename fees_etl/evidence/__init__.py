"""What an auditor asks of a calculation, in one file that is checked with nothing but itself."""
