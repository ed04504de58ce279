export const build = () => [];
