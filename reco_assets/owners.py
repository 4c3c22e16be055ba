"""Who answers for the assets, as shown in Dagit."""

OWNERS = ["team:reco"]
