/** Configuration of nginx as a baseline: one process, one hop to the decode engines, keep-alive, no buffering. Pure. */

export interface NginxOptions {
  readonly port: number
  readonly enginePorts: readonly number[]
  /** Folder for its files. */
  readonly folder: string
  /** Client connections; each needs two descriptors. */
  readonly maxConnections: number
}

const BODIES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

export function nginxConfig({ port, enginePorts, folder, maxConnections }: NginxOptions): string {
  const servers = enginePorts.map(engine => `    server 127.0.0.1:${engine};`)
  const paths = BODIES.map(name => `  ${name}_temp_path ${folder}/${name};`)
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log crit;
worker_rlimit_nofile ${2 * maxConnections + 100};
events { worker_connections ${2 * maxConnections + 50}; }
http {
  access_log off;
${paths.join('\n')}
  client_max_body_size 64m;
  client_body_buffer_size 64k;
  keepalive_requests 1000000;
  upstream engines {
${servers.join('\n')}
    keepalive 1000;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://engines;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_buffering off;
      proxy_read_timeout 60s;
    }
  }
}
`
}
