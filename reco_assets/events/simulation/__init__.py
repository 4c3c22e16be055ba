"""Events of people who don't exist: who they are, what they do on a day, and where that is sent."""
