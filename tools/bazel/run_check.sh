#!/bin/bash
# Runs weir-check as a test: all of the command line is the command.
exec "$@"
