#!/usr/bin/env node
import { runAuditCommand } from './audit-command.js';
import { terminal } from './terminal.js';

process.exitCode = await runAuditCommand(process.argv.slice(2), terminal());
