"""What users give a command: types of parameters, and options that several commands share."""
