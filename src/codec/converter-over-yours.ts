/**
 * Payloads inside a bundle whose user has a payload converter: theirs, made lenient as Holdfast's own is. The bundler
 * puts their module in place of the name below.
 */
// @ts-expect-error -- there is no such package; see worker/bundle.ts
import { payloadConverter as yours } from 'holdfast-under-payload-converter';
import type { PayloadConverter } from '@temporalio/common';
import { lenient } from './payload-converter.ts';

/** The name that Temporal's SDK looks for. */
export const payloadConverter = lenient(yours as PayloadConverter);
