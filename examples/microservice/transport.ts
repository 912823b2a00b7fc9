import { Transport, type TcpOptions } from '@nestjs/microservices';

export const transport = {
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: Number(process.env['TCP_PORT'] ?? 4000) },
} satisfies TcpOptions;
