/** A Nexus service, as Workflows and Workers know it. */
import { operation, service } from 'nexus-rpc';

export const shoutService = service('shouting', { shout: operation<string, string>() });
