#!/usr/bin/env node
/** The program `holdfast`. */
import { runCli } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

// Set, not `process.exit`: what is still to be written is written first.
process.exitCode = await runCli(process.argv.slice(2), processTerminal());
