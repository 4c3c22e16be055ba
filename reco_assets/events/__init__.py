"""Events of users: what they are, where they come from, how they get into the data lake."""
