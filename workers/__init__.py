"""The arq worker: thin tasks over autodj's flows."""
