"""The servers that are measured, each with one worker on core 0 and one configuration for every row it can do."""
