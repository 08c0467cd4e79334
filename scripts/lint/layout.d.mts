/** The floors of the protocol's rooms, from the ground up. */
export declare const PROTOCOL_FLOORS: readonly (readonly string[])[];
