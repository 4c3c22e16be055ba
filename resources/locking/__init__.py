"""Who may write: locks that a process holds, and names that it alone may take."""
