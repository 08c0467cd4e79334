/** A program's own payload converter: dates stay dates, at the top of a value and one field below. */
import { DefaultPayloadConverter, type Payload, type SerializationContext } from '@temporalio/common';

class DatesConverter extends DefaultPayloadConverter {
  override toPayload(value: unknown, context?: SerializationContext): Payload {
    return super.toPayload(
      mapped(value, (item) => (item instanceof Date ? { $date: item.getTime() } : item)),
      context,
    );
  }

  override fromPayload<T>(payload: Payload, context?: SerializationContext): T {
    return mapped(super.fromPayload(payload, context), (item) => (isDate(item) ? new Date(item.$date) : item)) as T;
  }
}

function mapped(value: unknown, change: (item: unknown) => unknown): unknown {
  const changed = change(value);
  if (changed !== value || typeof value !== 'object' || value === null || Array.isArray(value)) return changed;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item)]));
}

function isDate(item: unknown): item is { readonly $date: number } {
  return typeof item === 'object' && item !== null && '$date' in item;
}

export const payloadConverter = new DatesConverter();
