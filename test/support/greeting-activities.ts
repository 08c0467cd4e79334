/** Activities of a program that has a Worker already. */
export const greetingActivities = {
  greet: (name: string): Promise<string> => Promise.resolve(`Hello, ${name}`),
};
