#!/usr/bin/env node
// In the repository before anything is built, so that an install can link the command.
import '../dist/bin.js';
