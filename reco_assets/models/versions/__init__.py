"""Model versions on disk: their record, how they are kept, tested, backed up and deployed."""
