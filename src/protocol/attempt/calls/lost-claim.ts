/** In the place of the nonce of a claim that nobody knows any more. */
export const LOST_CLAIM = 'lost';
