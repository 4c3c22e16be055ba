"""What editors want of lists: rules that hide or boost movies, and how varied a list has to be."""
