"""Pages that people look at: values in, one file of HTML out. No scripts, and nothing is loaded from elsewhere.

A page is sections of charts and sheets in a template; what is read from a warehouse comes from the rooms below.
"""
